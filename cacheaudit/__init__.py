"""Why did the prompt-cache bill spike? Audit notebooks that try every rival cause."""
