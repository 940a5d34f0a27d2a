/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * milter-capture-error.h: why a capture cannot be read, or not to its end.
 */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/**
 * MilterCaptureError:
 * @MILTER_CAPTURE_ERROR_FORMAT: the file is no capture
 * @MILTER_CAPTURE_ERROR_CUT: it ends in the middle of a packet; all before that has been read
 * @MILTER_CAPTURE_ERROR_DAMAGED: what follows cannot be read; all before that has been
 * @MILTER_CAPTURE_ERROR_READ: the system could not read it
 *
 * Causes, in the domain %MILTER_CAPTURE_ERROR.
 */
typedef enum
{
  MILTER_CAPTURE_ERROR_FORMAT,
  MILTER_CAPTURE_ERROR_CUT,
  MILTER_CAPTURE_ERROR_DAMAGED,
  MILTER_CAPTURE_ERROR_READ
} MilterCaptureError;

#define MILTER_CAPTURE_ERROR (milter_capture_error_quark ())
GQuark milter_capture_error_quark (void);

G_END_DECLS
