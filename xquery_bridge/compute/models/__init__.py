"""Models in and out: CNTK's own `.model` files (`native`)."""

from .native import load_model, save_model

__all__ = ["load_model", "save_model"]
