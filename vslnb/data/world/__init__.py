"""The bundled world: scenes with planted main and secondary content, their captions and pictures."""
