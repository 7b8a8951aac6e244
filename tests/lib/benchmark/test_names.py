from gateway_lib import benchmark


def test_every_name_of_the_package_is_what_it_says():
    """A name that is also a module's would become the module once that is imported."""
    for name in benchmark.__all__:
        assert callable(getattr(benchmark, name)), name
