"""What every experiment stands on: it is run, shown, saved, claimed and timed here."""
