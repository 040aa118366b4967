"""Tables of other libraries: data frames, and arrays with named fields."""
