from __future__ import annotations

from middleware import __version__
from middleware.app import create_app
from middleware.settings import Settings

from .conftest import served


async def test_live_and_ready_when_everything_is_there(gateway, http):
    async with http.get(f"{gateway}/livez") as response:
        assert response.status == 200
    async with http.get(f"{gateway}/readyz") as response:
        assert response.status == 200
        assert await response.json() == {
            "status": "ready",
            "litellm": "connected",
            "litellm_database": "connected",
            "database": "connected",
            "middleware_version": __version__,
            "config_hash": None,
        }


async def test_not_ready_without_litellm_and_still_live(postgres_url, http):
    settings = Settings(
        litellm_key="sk-service", litellm_url="http://127.0.0.1:9", database_url=postgres_url
    )
    async with served(create_app(settings)) as url:
        async with http.get(f"{url}/readyz") as response:
            assert response.status == 503
            assert (await response.json())["litellm"] == "disconnected"
        async with http.get(f"{url}/bedrock/health/liveliness") as response:
            assert response.status == 503
            assert await response.json() == {"status": "unhealthy", "litellm": "disconnected"}
        async with http.get(f"{url}/livez") as response:
            assert response.status == 200


async def test_not_ready_without_the_database(origin, http):
    gone = "postgresql://gateway:none@127.0.0.1:9/middleware"
    async with (
        served(
            create_app(
                Settings(litellm_key="sk-service", litellm_url=origin.url, database_url=gone)
            )
        ) as url,
        http.get(f"{url}/readyz") as response,
    ):
        assert response.status == 503
        found = await response.json()
        assert (found["litellm"], found["database"]) == ("connected", "disconnected")


async def test_the_predecessors_health_check_still_answers(gateway, http):
    async with http.get(f"{gateway}/bedrock/health/liveliness") as response:
        assert (response.status, await response.json()) == (
            200,
            {"status": "healthy", "litellm": "connected"},
        )
