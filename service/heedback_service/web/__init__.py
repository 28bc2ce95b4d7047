"""What is served: `api/` (JSON, OpenAPI) and `pages/` (HTML), both thin over flow."""
