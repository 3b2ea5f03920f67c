"""The addresses the service answers."""
