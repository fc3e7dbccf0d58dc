"""Ways in. A transport translates; a rule that stands here is in the wrong place."""
