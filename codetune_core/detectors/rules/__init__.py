"""Rule packs: what each rule means, as data."""
