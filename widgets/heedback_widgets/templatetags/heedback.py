"""`{% load heedback %}{% heedback_rating out mode="stars" %}`"""

from __future__ import annotations

from django import template

from heedback_widgets.django import rating

register = template.Library()
register.simple_tag(rating, name="heedback_rating")
