"""What keeps a network from learning though its gradients may be in order."""
