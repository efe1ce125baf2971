"""How a route gets the services that it needs."""

from typing import Annotated

from fastapi import Depends, Request

from rollcall.api.services import Services


def services_of(request: Request) -> Services:
    services: Services = request.app.state.services
    return services


ServicesOf = Annotated[Services, Depends(services_of)]
