from __future__ import annotations

import socket

import pytest

from gateway_lib.errors import PortTaken
from gateway_lib.local import ports
from gateway_lib.local.stack import Ports


def test_a_taken_port_is_refused_by_name():
    with socket.create_server((ports.HOST, 0)) as listener:
        port = listener.getsockname()[1]
        with pytest.raises(PortTaken, match=f"port {port} on 127.0.0.1 is in use"):
            Ports.choose(http=port)


@pytest.mark.parametrize("number", [-5, 65536, 70000])
def test_a_number_that_is_no_port_is_refused(number):
    with pytest.raises(PortTaken, match=f"{number} is not a port"):
        Ports.choose(http=number)


def test_one_port_cannot_serve_both_doors():
    port = ports.choose()
    with pytest.raises(PortTaken, match=f"port {port} cannot be both"):
        Ports.choose(http=port, https=port)


def test_chosen_ports_are_free_and_differ():
    chosen = Ports.choose()
    numbers = {getattr(chosen, name) for name in Ports.__slots__}
    assert len(numbers) == len(Ports.__slots__)
    assert all(ports.is_free(number) for number in numbers)
    wanted = ports.choose()
    assert Ports.choose(http=wanted).http == wanted
