"""What a traced function computes with: arrays, numbers, complex pairs, views, text."""
