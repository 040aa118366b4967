"""The lesson's exercises, written as a user of steepest would write them."""
