/* services/catalogue/search/globe.c: how far places are from each other. */
#include "services/catalogue/search/globe.h"

#include <math.h>
#include <stdio.h>

#define RADIUS_CM        637100880.0
#define PI               3.14159265358979323846
#define KM_A_DEGREE      111.1 /* of latitude, at least */
#define NEXT_TO_THE_POLE 89.0  /* circles that reach it have every longitude */

static const int64_t sizes[CELL_SIZES] = {DEGREE / 4, DEGREE, 4 * DEGREE, 15 * DEGREE};

static double radians(int64_t degrees)
{
    return (double)degrees / (double)DEGREE * PI / 180;
}

struct globe_point globe_point(int64_t latitude, int64_t longitude)
{
    double north = radians(latitude), east = radians(longitude);

    return (struct globe_point){llround(RADIUS_CM * cos(north) * cos(east)),
                                llround(RADIUS_CM * cos(north) * sin(east)),
                                llround(RADIUS_CM * sin(north))};
}

int64_t globe_square(int64_t ground_cm)
{
    double line = 2 * RADIUS_CM * sin((double)ground_cm / (2 * RADIUS_CM));

    return llround(line * line);
}

int64_t globe_ground_m(int64_t square)
{
    double half = sqrt((double)square) / (2 * RADIUS_CM);

    return llround(2 * RADIUS_CM * asin(half < 1 ? half : 1) / 100);
}

/* --- cells ----------------------------------------------------------------------------------- */

/* Rows count from the south pole, columns from 180° west; the last column begins anew. */
static int64_t row_of(int64_t latitude, int64_t size)
{
    return (latitude + LATITUDE_MAX) / size;
}

static int64_t column_of(int64_t longitude, int64_t size)
{
    int64_t round = 2 * LONGITUDE_MAX;

    return ((longitude + LONGITUDE_MAX) % round + round) % round / size;
}

static void name_cell(size_t size, int64_t row, int64_t column, char out[CELL_BYTES])
{
    snprintf(out, CELL_BYTES, "%zur%lldc%lld", size, (long long)row, (long long)column);
}

void globe_cells_of(int64_t latitude, int64_t longitude, char out[CELL_SIZES][CELL_BYTES])
{
    for (size_t i = 0; i < CELL_SIZES; i++)
        name_cell(i, row_of(latitude, sizes[i]), column_of(longitude, sizes[i]), out[i]);
}

static size_t cover(size_t which, int64_t south, int64_t north, int64_t west, int64_t east,
                    char out[CELLS_MAX][CELL_BYTES])
{
    int64_t size = sizes[which], columns = 2 * LONGITUDE_MAX / size;
    int64_t rows = row_of(north, size) - row_of(south, size) + 1;
    int64_t wide = (east - west) / size + 2; /* both ends may be cut */
    size_t count = 0;

    if (wide > columns) wide = columns;
    if (rows * wide > CELLS_MAX) return 0;
    for (int64_t row = 0; row < rows; row++)
        for (int64_t column = 0; column < wide; column++)
            name_cell(which, row_of(south, size) + row, (column_of(west, size) + column) % columns,
                      out[count++]);
    return count;
}

size_t globe_cells_around(int64_t latitude, int64_t longitude, int64_t radius_km,
                          char out[CELLS_MAX][CELL_BYTES])
{
    double high = (double)radius_km / KM_A_DEGREE;
    double furthest = fabs((double)latitude / (double)DEGREE) + high;
    int64_t tall = (int64_t)(high * (double)DEGREE) + 1, wide;
    int64_t south = latitude - tall, north = latitude + tall;
    size_t count = 0;

    if (furthest >= NEXT_TO_THE_POLE) return 0;
    /* meridians come closer towards the pole: a degree of its edge there is the shortest */
    wide = (int64_t)(high / cos(furthest * PI / 180) * (double)DEGREE) + 1;
    for (size_t which = 0; which < CELL_SIZES && !count; which++)
        count = cover(which, south, north, longitude - wide, longitude + wide, out);
    return count;
}
