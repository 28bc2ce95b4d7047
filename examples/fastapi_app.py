"""A FastAPI app with one AI feature, whose answer comes in parts, and a route for what people say about it.

    pip install heedback fastapi uvicorn
    export HEEDBACK_URL=… HEEDBACK_KEY=… HEEDBACK_USER_KEY=…
    uvicorn --app-dir examples fastapi_app:app

The lines marked ★ are all that Heedback needs. Its calls take microseconds, so they are made on the event loop.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Annotated, Literal
from uuid import UUID

from fastapi import FastAPI, Header
from fastapi.responses import StreamingResponse
from pydantic import BaseModel

import heedback  # ★

FEATURE = "text-summary"
User = Annotated[str, Header(alias="X-User")]  # yours comes from the session or a token


@asynccontextmanager
async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
    heedback.init(app_version="1.0", environment="example")  # ★ here, and not above: after a close it has to be again
    yield
    await asyncio.to_thread(heedback.close)  # ★ uvicorn ends by the signal it got, and leaves no time for exit hooks


app = FastAPI(title="In a sentence", lifespan=lifespan)


class Text(BaseModel):
    text: str


class Feedback(BaseModel):
    rating: Literal["up", "down"] | None = None
    reasons: list[str] | None = None
    comment: str | None = None


@app.post("/summaries")
async def make_summary(asked: Text, user: User) -> StreamingResponse:
    out = heedback.track(FEATURE, user=user, prompt_version="v1", surface="api", input=asked.text)  # ★

    async def parts() -> AsyncIterator[str]:
        with out:  # ★ measured until the last part is out; if the stream breaks, captured with the error
            summary = ""
            async for part in ask_the_model(asked.text):
                summary += part
                yield part
            out.set(output=summary, response_model="first-sentence-1")  # ★

    return StreamingResponse(parts(), media_type="text/plain", headers={"X-Output": out.id})


@app.put("/summaries/{output_id}/feedback", status_code=202)
async def rate(output_id: UUID, said: Feedback, user: User) -> None:
    """A patch: what the body leaves out stays as this person left it, null takes it back."""
    heedback.rate(output_id, feature=FEATURE, user=user, **said.model_dump(exclude_unset=True))  # ★


async def ask_the_model(text: str) -> AsyncIterator[str]:
    """Yours would be asked here."""
    for word in text.strip().split(". ")[0].split(" "):
        yield f"{word} "
