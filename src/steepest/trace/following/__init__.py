"""What a traced function reads and writes outside: names, objects, containers, libraries."""
