/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * message-json.h: a message as members of a JSON object.
 */
#pragma once

#include "milter-message.h"

G_BEGIN_DECLS

/* Appends `"from":"mta","letter":"M","name":"SMFIC_MAIL","word":"mail","fields":{…}` to an object that is
 * open. The fields are those of the table's row, by their names:
 *
 *   a string, any bytes      "value":"text"
 *   strings                  "arguments":["SIZE=100","BODY=8BITMIME"]
 *   macros                   "macros":{"i":"4F1","{mail_addr}":"alice@example.com"}
 *   numbers                  "version":6,"actions":511,"steps":2097151
 *   the stage of macros      "stage":"M"
 *   an address               "address":{"family":"4","port":25,"text":"192.0.2.7"}
 *   lists of symbols         "symbols":[{"stage":"connect","names":"j {client_addr}"}]
 *
 * What is not UTF-8 is `NAME_base64` instead, as one string or a list of them; macros then as a list of
 * pairs. A field without strings, macros or lists is empty; one without bytes is "". Of a malformed
 * message, and one of an unknown letter, there is `fault`, which tells what is wrong, and the `payload`
 * as a whole instead of `fields`; an unknown letter has no name and no word. */
void message_append_json (const MilterMessage *message, GString *out);

/* (transfer none): `mta` or `milter` */
const char *message_name_side (MilterSide side);

G_END_DECLS
