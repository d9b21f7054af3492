"""Does the band decoder stand what comes? Messages built part by part, damaged at random, judged by ecCodes."""
