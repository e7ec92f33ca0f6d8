"""The words and pictures of a postmortem: findings in, pieces of a page out."""
