/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * convert-format.h: what recordings can be made into.
 */
#pragma once

#include "convert-output.h"
#include "milter-capture-sink.h"

G_BEGIN_DECLS

typedef struct _ConvertOptions ConvertOptions;

/**
 * ConvertFormat:
 * @name: behind `--to`
 * @suffix: of its files, with the dot
 * @sink: is told the recording, with what @begin returned
 * @begin: makes a file; @output and @options live longer
 * @end: the recording, or the only session of the file, is over: writes what is left, and frees; false: the
 *   file is not complete, which has been said
 *
 * A format. It writes nothing before something is told.
 */
typedef struct
{
  const char *name;
  const char *suffix;
  const MilterCaptureSink *sink;
  gpointer (*begin) (ConvertOutput *output, const ConvertOptions *options);
  bool (*end) (gpointer state);
} ConvertFormat;

/* (nullable) by its name */
const ConvertFormat *convert_format_get (const char *name);
/* (transfer full) `scenario, trace or pcap` */
char *convert_format_list (void);
/* (nullable) by the suffix of a file */
const ConvertFormat *convert_format_guess (const char *path);

extern const ConvertFormat convert_format_scenario;
extern const ConvertFormat convert_format_trace;
extern const ConvertFormat convert_format_pcap;

/* a remark of the recording, for formats that have no place for it; as a function of a sink */
void convert_tell_note (const MilterCapturePlace *place, const char *text, gpointer data);

G_END_DECLS
