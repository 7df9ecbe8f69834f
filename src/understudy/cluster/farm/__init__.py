"""Jobs for render farms: what apply and train do, cut into tasks, in the files that a farm takes. The farm's
own queue does the rest: it places the tasks, tries them again, and shows how far they are."""
