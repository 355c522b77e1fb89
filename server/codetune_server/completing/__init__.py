"""Code that is proposed while somebody types: for which place, by which answer of the model, and when it is asked."""
