"""The JSON API: schemas at both edges, views of a few lines, one error shape (RFC 9457)."""
