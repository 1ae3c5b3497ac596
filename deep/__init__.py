"""Neural decoders and separators on JAX, with the interface of scikit-learn estimators."""

__all__: list[str] = []
