from gateway_lib import experiments


def test_every_name_of_the_package_is_what_it_says():
    """A name that is also a module's would become the module once that is imported."""
    for _ in range(2):
        for name in experiments.__all__:
            assert callable(getattr(experiments, name)), name
