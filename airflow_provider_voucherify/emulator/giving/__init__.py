"""What a project gives away: campaigns, publications, and bulk updates."""
