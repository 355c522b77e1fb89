"""A model's edits on their way into the editor: asked for, checked on a copy, and applied to the text they are of."""
