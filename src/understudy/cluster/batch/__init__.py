"""Many jobs in one file: trainings, and what is done with what they learn, after each other or at once."""
