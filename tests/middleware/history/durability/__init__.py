import pytest

pytest.register_assert_rewrite(f"{__name__}.kept", f"{__name__}.load")
