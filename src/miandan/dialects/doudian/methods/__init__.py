"""The methods, one small function each, by subject; `calls.methods` gathers them."""
