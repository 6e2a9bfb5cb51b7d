"""A region on one machine: moto's API with real containers behind it."""
