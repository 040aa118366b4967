"""How the rest of a traced function is seen: its names, objects, containers, what it writes."""
