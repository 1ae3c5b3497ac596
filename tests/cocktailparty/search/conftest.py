import pytest

pytest.importorskip("optuna", reason="optuna missing: pip install 'cocktailparty[search]'")
