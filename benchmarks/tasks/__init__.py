"""Tasks as the soak and the attacks run them: operators as data, tries as processes, the truth, and who looks on."""
