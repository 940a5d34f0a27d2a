/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * milter-recorded-private.h: what the parts of the builder share: a connection of which messages
 * are being made. Commands stand in milter-recorded-commands.c, replies in
 * milter-recorded-replies.c.
 *
 * A milter answers in the order of the commands, so that what waits is a list: that of
 * MilterSession (what is answered at all, by what was agreed, stands there), with the command and
 * the message beside each. Behind a hole nobody knows what is on that list. An MTA that has always
 * waited for each answer before it went on can be trusted to do so further: then the next message
 * begins with an empty list, and is known again. One that sends ahead cannot.
 */
#pragma once

#include "milter-recorded-builder.h"
#include "milter-session-private.h"

G_BEGIN_DECLS

/* what an entry of a list takes, about */
#define MILTER_BUILDING_ENTRY ((gsize) 160)

/* connections that were spoken of last are found without a look into the table */
#define MILTER_BUILDING_RECENT 256u

typedef struct _MilterBuilding MilterBuilding;

struct _MilterRecordedBuilder
{
  MilterRecordedLimits limits;
  const MilterRecordedEvents *events; /* unowned */
  gpointer data;
  GHashTable *connections; /* of MilterBuilding, by number */
  MilterBuilding *recent[MILTER_BUILDING_RECENT]; /* (nullable) unowned, by the end of the number */
};

/* a command that waits for its answer */
typedef struct
{
  MilterRecordedCommand *command; /* unowned */
  MilterRecordedMessage *message; /* (nullable) unowned: it belongs to */
} MilterBuildingDue;

/* Those that wait, the oldest first: nearly always one, so that a few need no memory of their own.
 * Zero-initialised. */
typedef struct
{
  MilterBuildingDue *more; /* (nullable) if there is no room in `few` */
  guint size;              /* … of them; a power of 2 */
  guint first, n;
  MilterBuildingDue few[4];
} MilterBuildingDues;

/* a connection */
struct _MilterBuilding
{
  MilterRecordedBuilder *builder; /* unowned */
  guint number;
  MilterSession rules;
  MilterRecordedSession *session;
  GQueue messages;                /* of MilterRecordedMessage: those of which something may come */
  MilterRecordedMessage *current; /* (nullable) unowned: the one that is being sent */
  MilterBuildingDues due;
  MilterBuildingDue last;         /* what was sent last; command NULL: nothing */
  GString *queue_id;              /* (nullable) of the command that follows */
  gsize kept;                     /* bytes, of all messages and the session */
  bool negotiated;                /* what was agreed is known */
  bool doubtful;                  /* what waits is not known */
  bool ahead;                     /* the MTA does not wait for each answer */
};

/* where its commands stand: of a message, or without one of the session */
static inline MilterRecordedFew *
milter_building_own_commands (MilterBuilding *building, MilterRecordedMessage *message)
{
  return message != NULL ? &message->few : &building->session->few;
}

static inline MilterBuildingDue *
milter_building_due_at (MilterBuildingDues *dues, guint i)
{
  guint at = dues->first + i;

  return dues->more != NULL ? &dues->more[at & (dues->size - 1)]
                            : &dues->few[at & (G_N_ELEMENTS (dues->few) - 1)];
}

/* false: none waits */
static inline bool
milter_building_due_pop (MilterBuildingDues *dues, MilterBuildingDue *due)
{
  if (dues->n == 0)
    return false;
  *due = *milter_building_due_at (dues, 0);
  dues->first++;
  dues->n--;
  return true;
}

/* field @n of a message; nothing, where the payload broke before */
static inline MilterBytes
milter_building_field (const MilterMessage *message, guint n)
{
  return milter_session_has_field (message, n) ? message->fields[n].bytes : milter_bytes (NULL, 0);
}

static inline GString *
milter_building_string (MilterBytes bytes)
{
  return g_string_new_len ((const char *) bytes.data, (gssize) bytes.size);
}

/* --- milter-recorded-builder.c --- */

void milter_building_due_push (MilterBuildingDues *dues, const MilterBuildingDue *due);

/* Whether @size bytes and an entry may be kept; then they count. FALSE: the message, or without one
 * the session, is marked as too large. */
bool
milter_building_must_keep (MilterBuilding *building, MilterRecordedMessage *message, gsize size);
void milter_building_append_body (MilterBuilding *building,
                                  MilterRecordedMessage *message,
                                  MilterRecordedBody *body,
                                  MilterBytes chunk);
/* no more comes of the body that is being sent, the message's own or the replacement that came last
 */
void milter_building_finish_bodies (MilterRecordedMessage *message);
void milter_building_tell_answered (MilterBuilding *building, const MilterBuildingDue *due);
/* Tells the messages of which nothing can come any more, in order. */
void milter_building_settle (MilterBuilding *building);
/* a command will not be answered any more; it is taken off the list by the caller … */
void milter_building_give_up_due (MilterBuildingDue *due,
                                  MilterBuilding *building,
                                  MilterRecordedAnswer answer);
/* … and all */
void milter_building_give_up_all (MilterBuilding *building, MilterRecordedAnswer answer);
/* Which reply belongs to which command is not known any more. */
void milter_building_lose_step (MilterBuilding *building);
void milter_building_begin_message (MilterBuilding *building,
                                    guint8 letter,
                                    const MilterCaptureMoment *moment);
/* @end: OPEN: its end was sent, and the answer to that decides */
void milter_building_end_message (MilterBuilding *building, MilterRecordedEnd end);
/* The session is over; @answer: what becomes of the commands that wait, @end: of the messages. What
 * follows belongs to the next one. */
void milter_building_finish_session (MilterBuilding *building,
                                     MilterRecordedAnswer answer,
                                     MilterRecordedEnd end);
/* The command that stands last in its list has got its answer: it may be one with those before it.
 */
void milter_building_join_last (MilterBuilding *building, const MilterBuildingDue *due);

/* --- milter-recorded-commands.c --- */
void milter_building_take_command (MilterBuilding *building,
                                   const MilterMessage *command,
                                   const MilterCaptureMoment *moment);

/* --- milter-recorded-replies.c --- */
void milter_building_take_reply (MilterBuilding *building,
                                 const MilterMessage *reply,
                                 const MilterCaptureMoment *moment);

G_END_DECLS
