"""The HTTP API as one ASGI application: the same for the local cloud, Lambda and a container."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import cache

from fastapi import FastAPI
from starlette.middleware.cors import CORSMiddleware

from rollcall import __version__
from rollcall.api.local_only import LocalOnly
from rollcall.api.problem_docs import document
from rollcall.api.problems import handle_problems
from rollcall.api.routes import routes_people, routes_photos, routes_videos
from rollcall.api.routes.routes_photos import StoredPhoto
from rollcall.api.routes.routes_videos import NewVideo
from rollcall.api.services import Services


def create_app(services: Services) -> FastAPI:
    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        yield
        services.close()

    app = FastAPI(
        title="Rollcall",
        version=__version__,
        lifespan=lifespan,
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,  # the address would be one without TLS, and clients send their key there too
        generate_unique_id_function=lambda route: route.name,  # what generated clients call the operation
    )
    app.state.services = services
    app.state.gatekeeper = services.gatekeeper
    for routes in (routes_photos, routes_videos, routes_people):
        app.include_router(routes.router)
    for path in ("/health", "/healthz"):
        app.add_api_route(path, health, include_in_schema=False)
    handle_problems(app)
    app.openapi = cache(lambda: document(app, NewVideo, StoredPhoto))  # type: ignore[method-assign]
    origins = [origin.strip() for origin in services.settings.cors_origins.split(",") if origin.strip()]
    if origins:
        app.add_middleware(CORSMiddleware, allow_origins=origins, allow_methods=["*"], allow_headers=["*"])
    if services.settings.auth == "loopback":
        app.add_middleware(LocalOnly, origins=origins)  # added last, so that it comes first
    return app


async def health() -> dict[str, str]:
    return {"status": "ok"}
