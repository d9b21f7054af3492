"""The fault matrix: every fault alone and every two together, held against what must be true whatever fails."""
