"""The engine asked over HTTP: GraphQL that the client does not write, metrics, the status."""

from __future__ import annotations

from typing import Any

import httpx


async def test_graphql_that_the_client_does_not_write(db: Any, engine_url: str) -> None:
    query = '''
    mutation ($unused: Int) {
      first: createOneAuthor(data: {id: 1, name: """ a "block" of text """, data: "{}"}) { id name }  # text
      second: createOneAuthor(data: {id: 2, name: "\\u00fc\\n\\"", set: "1e2"}) { name set }
      count: aggregateAuthor { _count { _all } }
    }
    '''
    async with httpx.AsyncClient(base_url=engine_url, timeout=60) as http:
        answer = (await http.post("/", json={"query": query})).json()
        assert answer == {
            "data": {
                "first": {"id": 1, "name": ' a "block" of text '},
                "second": {"name": 'ü\n"', "set": "100.0"},
                "count": {"_count": {"_all": 2}},
            }
        }
        for nonsense in (
            "",
            "{",
            "query { nothing }",
            "{ findManyAuthor { n: name } }",
            "query { ...f }",
        ):
            (error,) = (await http.post("/", json={"query": nonsense})).json()["errors"]
            assert error["user_facing_error"]["error_code"] == "P2009"


async def test_metrics(db: Any, engine_url: str) -> None:
    metrics = await db.get_metrics()
    gauges = {gauge.key: gauge.value for gauge in metrics.gauges}
    assert 1 <= gauges["prisma_pool_connections_open"] <= 5
    assert metrics.counters[0].value > 0
    text = await db.get_metrics(format="prometheus", global_labels={"stack": 'a"b'})
    assert 'prisma_pool_connections_busy{stack="a\\"b"} 0' in text
    async with httpx.AsyncClient(base_url=engine_url, timeout=60) as http:
        assert (await http.get("/status")).json() == {"status": "ok"}
        assert (await http.get("/nothing")).status_code == 405
        assert (await http.post("/nothing")).status_code == 404
