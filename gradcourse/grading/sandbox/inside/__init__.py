"""What runs behind the wall: the warm process, and its fork that becomes the learner's."""
