"""Reads an iCalendar from standard input as a foreign program does, and prints its events as JSON."""

import json
import sys

from icalendar import Calendar

data = sys.stdin.buffer.read()
calendar = Calendar.from_ical(data)
events = [
    {
        "uid": str(event["uid"]),
        "at": event.decoded("dtstart").isoformat(),
        "made": event.decoded("dtstamp").isoformat(),
        "summary": str(event["summary"]),
        "note": str(event["description"]),
    }
    for event in calendar.walk("vevent")
]
errors = [str(error) for part in calendar.walk() for error in part.errors]
json.dump({"version": str(calendar["version"]), "events": events, "errors": errors}, sys.stdout)
