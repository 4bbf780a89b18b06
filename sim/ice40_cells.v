// iCE40 cells with two values and no timing, written so that CXXRTL compiles them small.
//
// Yosys' own models (ice40/cells_sim.v) mean the same, which tests/test_sim_netlist.py checks
// cell by cell; they just cost ten times the C++. Pulls of unconnected pins are not modelled:
// synthesis connects every pin.

/* verilator lint_off DECLFILENAME */

module SB_LUT4(output O, input I0, I1, I2, I3);
    parameter [15:0] LUT_INIT = 0;
`ifdef __ICARUS__
    // An input that does not matter may be undefined: a choice between equal bits is that bit,
    // where an undefined index would make all of it undefined.
    wire [7:0] of3 = I3 ? LUT_INIT[15:8] : LUT_INIT[7:0];
    wire [3:0] of2 = I2 ? of3[7:4] : of3[3:0];
    wire [1:0] of1 = I1 ? of2[3:2] : of2[1:0];
    assign O = I0 ? of1[1] : of1[0];
`else
    wire [3:0] index = {I3, I2, I1, I0};
    assign O = LUT_INIT[index];
`endif
endmodule

module SB_CARRY(output CO, input I0, I1, CI);
    assign CO = (I0 & I1) | ((I0 | I1) & CI);
endmodule

module SB_GB(input USER_SIGNAL_TO_GLOBAL_BUFFER, output GLOBAL_BUFFER_OUTPUT);
    assign GLOBAL_BUFFER_OUTPUT = USER_SIGNAL_TO_GLOBAL_BUFFER;
endmodule

module SB_DFF(output reg Q, input C, D);
    initial Q = 1'b0;
    always @(posedge C) Q <= D;
endmodule

module SB_DFFSR(output reg Q, input C, R, D);
    initial Q = 1'b0;
    always @(posedge C) Q <= R ? 1'b0 : D;
endmodule

module SB_DFFR(output reg Q, input C, R, D);
    initial Q = 1'b0;
    always @(posedge C or posedge R) if (R) Q <= 1'b0; else Q <= D;
endmodule

module SB_DFFSS(output reg Q, input C, S, D);
    initial Q = 1'b0;
    always @(posedge C) Q <= S ? 1'b1 : D;
endmodule

module SB_DFFS(output reg Q, input C, S, D);
    initial Q = 1'b0;
    always @(posedge C or posedge S) if (S) Q <= 1'b1; else Q <= D;
endmodule

module SB_DFFE(output reg Q, input C, E, D);
    initial Q = 1'b0;
    always @(posedge C) if (E) Q <= D;
endmodule

module SB_DFFESR(output reg Q, input C, E, R, D);
    initial Q = 1'b0;
    always @(posedge C) if (E) Q <= R ? 1'b0 : D;
endmodule

module SB_DFFER(output reg Q, input C, E, R, D);
    initial Q = 1'b0;
    always @(posedge C or posedge R) if (R) Q <= 1'b0; else if (E) Q <= D;
endmodule

module SB_DFFESS(output reg Q, input C, E, S, D);
    initial Q = 1'b0;
    always @(posedge C) if (E) Q <= S ? 1'b1 : D;
endmodule

module SB_DFFES(output reg Q, input C, E, S, D);
    initial Q = 1'b0;
    always @(posedge C or posedge S) if (S) Q <= 1'b1; else if (E) Q <= D;
endmodule

// After configuration reads give 0 for a while (icestorm issue 76): define SPIKELOOM_ASLEEP for so
// many cycles of it.
// In mode m a word of 16 bits holds 2**m entries, interleaved: the entry `part` of the word owns
// the bits i with i % 2**m == part. Its bits go out and come in through one pin for each group of
// 2**m bits: the first (m = 0, 1), the second (m = 2) or the fourth (m = 3) of the group.
module SB_RAM40_4K(
    output [15:0] RDATA,
    input RCLK, RCLKE, RE, WCLK, WCLKE, WE,
    input [10:0] RADDR, WADDR,
    input [15:0] MASK, WDATA
);
    parameter READ_MODE = 0;
    parameter WRITE_MODE = 0;
    parameter [255:0] INIT_0 = 256'd0;
    parameter [255:0] INIT_1 = 256'd0;
    parameter [255:0] INIT_2 = 256'd0;
    parameter [255:0] INIT_3 = 256'd0;
    parameter [255:0] INIT_4 = 256'd0;
    parameter [255:0] INIT_5 = 256'd0;
    parameter [255:0] INIT_6 = 256'd0;
    parameter [255:0] INIT_7 = 256'd0;
    parameter [255:0] INIT_8 = 256'd0;
    parameter [255:0] INIT_9 = 256'd0;
    parameter [255:0] INIT_A = 256'd0;
    parameter [255:0] INIT_B = 256'd0;
    parameter [255:0] INIT_C = 256'd0;
    parameter [255:0] INIT_D = 256'd0;
    parameter [255:0] INIT_E = 256'd0;
    parameter [255:0] INIT_F = 256'd0;
    localparam [4095:0] INIT = {
        INIT_F, INIT_E, INIT_D, INIT_C, INIT_B, INIT_A, INIT_9, INIT_8,
        INIT_7, INIT_6, INIT_5, INIT_4, INIT_3, INIT_2, INIT_1, INIT_0
    };
    localparam R = 1 << READ_MODE;
    localparam W = 1 << WRITE_MODE;
    localparam RPIN = READ_MODE == 3 ? 3 : READ_MODE == 2 ? 1 : 0;
    localparam WPIN = WRITE_MODE == 3 ? 3 : WRITE_MODE == 2 ? 1 : 0;
    reg [15:0] memory [0:255];
    reg [15:0] word;
    wire [15:0] hidden, kept, data;
    integer n;
    initial for (n = 0; n < 256; n = n + 1) memory[n] = INIT[16 * n +: 16];

    genvar i;
    generate
        for (i = 0; i < 16; i = i + 1) begin : bits
            assign hidden[i] = READ_MODE != 0 && (RADDR >> 8) % R != i % R;
            assign kept[i] = WRITE_MODE == 0 ? MASK[i] : (WADDR >> 8) % W != i % W;
            assign data[i] = WDATA[i - i % W + WPIN];
            if (i % R == RPIN) begin : shown
                wire [R-1:0] group = word[i - RPIN +: R];
                assign RDATA[i] = READ_MODE == 0 ? word[i] : |group;
            end else begin : unused
                assign RDATA[i] = 1'b0;
            end
        end
    endgenerate

`ifdef SPIKELOOM_ASLEEP
    reg [15:0] age = 0;
    wire awake = age == `SPIKELOOM_ASLEEP;
    always @(posedge RCLK) if (!awake) age <= age + 1;
`else
    wire awake = 1'b1;
`endif
    always @(posedge RCLK) if (RE && RCLKE) word <= awake ? memory[RADDR[7:0]] & ~hidden : 16'd0;
    always @(posedge WCLK)
        for (n = 0; n < 16; n = n + 1)
            if (WE && WCLKE && !kept[n]) memory[WADDR[7:0]][n] <= data[n];
endmodule

// Contents are lost in standby and sleep; a design of ours never goes there. Before they are written
// they are no zeros: they are kept in a code, in which 0 means something else.
module SB_SPRAM256KA(
    output reg [15:0] DATAOUT,
    input [13:0] ADDRESS,
    input [15:0] DATAIN,
    input [3:0] MASKWREN,
    input WREN, CHIPSELECT, CLOCK, STANDBY, SLEEP, POWEROFF
);
    localparam [15:0] CODE = 16'hA35C;
    reg [15:0] memory [0:16383];
    integer n;
    always @(posedge CLOCK)
        if (CHIPSELECT && !STANDBY && !SLEEP && POWEROFF) begin
            for (n = 0; n < 16; n = n + 1)
                if (WREN && MASKWREN[n / 4]) memory[ADDRESS][n] <= DATAIN[n] ^ CODE[n];
            // Undefined while writing; the complement makes a design that looks fail.
            DATAOUT <= WREN ? ~DATAIN : memory[ADDRESS] ^ CODE;
        end
endmodule

// One product of 16 x 16 bits, with the registers that synthesis puts around it. Another mode asks
// for a module that is not there. Of the adders and registers that are not modelled there are ports
// and parameters only.
/* verilator lint_off UNUSEDSIGNAL */
/* verilator lint_off UNUSEDPARAM */
module SB_MAC16(
    input CLK, CE,
    input [15:0] C, A, B, D,
    input AHOLD, BHOLD, CHOLD, DHOLD, IRSTTOP, IRSTBOT, ORSTTOP, ORSTBOT,
    input OLOADTOP, OLOADBOT, ADDSUBTOP, ADDSUBBOT, OHOLDTOP, OHOLDBOT, CI, ACCUMCI, SIGNEXTIN,
    output [31:0] O,
    output CO, ACCUMCO, SIGNEXTOUT
);
    parameter [0:0] NEG_TRIGGER = 0;
    parameter [0:0] C_REG = 0, A_REG = 0, B_REG = 0, D_REG = 0;
    parameter [0:0] TOP_8x8_MULT_REG = 0, BOT_8x8_MULT_REG = 0;
    parameter [0:0] PIPELINE_16x16_MULT_REG1 = 0, PIPELINE_16x16_MULT_REG2 = 0;
    // 0 in the cell itself, a mode that is not modelled; netlists name every parameter.
    parameter [1:0] TOPOUTPUT_SELECT = 3, BOTOUTPUT_SELECT = 3;
    parameter [1:0] TOPADDSUB_LOWERINPUT = 0, BOTADDSUB_LOWERINPUT = 0;
    parameter [0:0] TOPADDSUB_UPPERINPUT = 0, BOTADDSUB_UPPERINPUT = 0;
    parameter [1:0] TOPADDSUB_CARRYSELECT = 0, BOTADDSUB_CARRYSELECT = 0;
    parameter [0:0] MODE_8x8 = 0, A_SIGNED = 0, B_SIGNED = 0;

    generate
        if (NEG_TRIGGER || MODE_8x8 || TOPOUTPUT_SELECT != 3 || BOTOUTPUT_SELECT != 3
            || TOP_8x8_MULT_REG != PIPELINE_16x16_MULT_REG1
            || BOT_8x8_MULT_REG != PIPELINE_16x16_MULT_REG1) begin : refused
            mode_of_SB_MAC16_without_a_model wrong();
        end
    endgenerate

    reg [15:0] kept_a, kept_b;
    always @(posedge CLK or posedge IRSTTOP)
        if (IRSTTOP) kept_a <= 0; else if (CE && !AHOLD) kept_a <= A;
    always @(posedge CLK or posedge IRSTBOT)
        if (IRSTBOT) kept_b <= 0; else if (CE && !BHOLD) kept_b <= B;
    wire [15:0] a = A_REG ? kept_a : A, b = B_REG ? kept_b : B;
    wire [31:0] wide_a = {{16{A_SIGNED && a[15]}}, a}, wide_b = {{16{B_SIGNED && b[15]}}, b};
    wire [31:0] product = wide_a * wide_b;
    reg [31:0] inner, outer;
    wire [31:0] summed = PIPELINE_16x16_MULT_REG1 ? inner : product;
    always @(posedge CLK or posedge IRSTBOT)
        if (IRSTBOT) inner <= 0; else if (CE) inner <= product;
    always @(posedge CLK or posedge IRSTBOT)
        if (IRSTBOT) outer <= 0; else if (CE) outer <= summed;
    assign O = PIPELINE_16x16_MULT_REG2 ? outer : summed;
    // Of the adders behind the product, which nothing uses here.
    assign CO = 0, ACCUMCO = 0, SIGNEXTOUT = 0;
endmodule
/* verilator lint_on UNUSEDPARAM */
/* verilator lint_on UNUSEDSIGNAL */
/* verilator lint_on DECLFILENAME */
