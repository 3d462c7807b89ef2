"""What every block around a loop needs: the loop followed, arguments checked, tensors found."""
