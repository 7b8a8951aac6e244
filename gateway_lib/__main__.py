"""`python -m gateway_lib` is `gateway`."""

from gateway_lib.cli import main

if __name__ == "__main__":
    main()
