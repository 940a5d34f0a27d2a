/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * workload.h: what the drivers send: a connection that begins with an offer of everything, and the
 * message that all rates are told in.
 */
#pragma once

#include "raw.h"

static const char offered[12] = "\0\0\0\6\0\0\1\xff\0\x1f\xff\xff";
static const char client[] = "client.example.com\0004\xc5\x0b" "192.0.2.1";

#define BODY_SIZE 1024

/* MAIL, RCPT, DATA, eight fields, end of headers, a body, end of message; each with the bit of the step
 * that keeps its answer away */
static const struct
{
  char letter;
  uint32_t no_reply;
  const char *payload;
  size_t size;
} commands[] = {
#define COMMAND(letter, bit, text) { letter, 1u << (bit), text, sizeof (text) - 1 }
  COMMAND ('M', 14, "<alice@example.com>\0"),
  COMMAND ('R', 15, "<bob@example.net>\0"),
  COMMAND ('T', 16, ""),
  COMMAND ('L', 7, "Received\0from client.example.com by mx.example.com; Sun, 22 Nov 2026 15:04:00 +0000\0"),
  COMMAND ('L', 7, "From\0Alice <alice@example.com>\0"),
  COMMAND ('L', 7, "To\0Bob <bob@example.net>\0"),
  COMMAND ('L', 7, "Subject\0how fast this goes\0"),
  COMMAND ('L', 7, "Date\0Sun, 22 Nov 2026 15:04:00 +0000\0"),
  COMMAND ('L', 7, "Message-Id\0<20261122150400.1@example.com>\0"),
  COMMAND ('L', 7, "MIME-Version\0001.0\0"),
  COMMAND ('L', 7, "Content-Type\0text/plain\0"),
  COMMAND ('N', 18, ""),
  COMMAND ('B', 19, NULL),
  COMMAND ('E', 31, ""),
#undef COMMAND
};
#define N_COMMANDS (sizeof commands / sizeof commands[0])

/* @body: of BODY_SIZE bytes. Returns the end of the frame. */
static uint8_t *
put_command (uint8_t *at, size_t command, const char *body)
{
  bool is_body = commands[command].payload == NULL;

  return put_frame (at,
                    commands[command].letter,
                    is_body ? body : commands[command].payload,
                    is_body ? BODY_SIZE : commands[command].size);
}
