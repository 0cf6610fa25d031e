"""Live cameras: streams that stay up, beliefs that stay honest, events that get through.

In come cameras by address, device or file; out go events, measures and a state to look at, for as
long as the process lives. Every part of it can be driven step by step with a clock of one's own.

```
camera ─▶ Reader ─▶ Judge ─▶ Slot ─┐                                ┌─▶ Narrator ─▶ Outlets
          reconnects  frozen,  newest ├─▶ Looker ─▶ detector ─▶ Tracker ─┤   events      file, MQTT,
          backs off   black    wins   │   batches over cameras   one each │               webhook …
camera ─▶ Reader ─▶ Judge ─▶ Slot ─┘                                └─▶ Health, Gallery
```

A reader has a thread a connection, all looking happens in one thread, each outlet has one. Nothing
that fails outside (a camera, a network, a disk) stops the others or the process.
"""
