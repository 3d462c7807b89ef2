"""What a model gives: its graph, the numbers at its end, and the loss that pulls at them."""
