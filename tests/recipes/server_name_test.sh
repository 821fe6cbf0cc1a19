#!/usr/bin/env bash
# docs/recipes/server_name.md: clients get the context of the name that they ask for.
source tests/recipes/recipe.sh

set_up ''
start_program

# ask NAME: what openssl tells of it.
ask() { run 2 "s/bert.example/$1/" || true; }

expect '^subject=CN = bert.example$' "$(ask bert.example)" "bert does not get his certificate"
expect '^subject=CN = anna.example$' "$(ask anna.example)" "anna does not get hers"
expect 'alert number 112' "$(ask carl.example)" "carl is not turned away"
expect '^subject=CN = bert.example$' "$(ask bert.example)" "bert is forgotten"
