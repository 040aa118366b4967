"""From a plan to loop nests: the builder, elements, memory, lowering."""
