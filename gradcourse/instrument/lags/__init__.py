"""How far back in time a gradient, or a memory, reaches in a recurrent network."""
